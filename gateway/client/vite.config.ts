import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

// One page per build, so that each is a single script: MEJA_PAGE=stand or rules.
const page = process.env.MEJA_PAGE ?? "stand";
const inputs: Record<string, string> = { stand: "src/main.ts", rules: "src/rules/main.ts" };

// The gateway embeds the built files and adds a hash of their content to the names under which it serves them.
export default defineConfig({
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: false, __VUE_PROD_DEVTOOLS__: false, __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false },
  build: {
    outDir: "dist",
    emptyOutDir: false,
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
    rollupOptions: {
      input: inputs[page],
      output: { entryFileNames: `${page}.js`, assetFileNames: `${page}[extname]`, inlineDynamicImports: true },
    },
  },
});
