import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

// The gateway embeds the built files and adds a hash of their content to the names under which it serves them.
export default defineConfig({
  plugins: [vue()],
  define: { __VUE_OPTIONS_API__: false, __VUE_PROD_DEVTOOLS__: false, __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: false },
  build: {
    outDir: "dist",
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
    rollupOptions: {
      input: "src/main.ts",
      output: { entryFileNames: "stand.js", assetFileNames: "stand[extname]", inlineDynamicImports: true },
    },
  },
});
