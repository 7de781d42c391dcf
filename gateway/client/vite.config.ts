import vue from "@vitejs/plugin-vue";
import { defineConfig } from "vite";

// One build per script, so that each is a single file: MEJA_SCRIPT=stand, rules, stream, receipt or audit.
const script = process.env.MEJA_SCRIPT ?? "stand";
const inputs: Record<string, string> = {
  stand: "src/main.ts", rules: "src/rules/main.ts", stream: "src/stream/worker.ts", receipt: "src/receipt/main.ts",
  audit: "src/audit/main.ts",
};

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
      input: inputs[script],
      output: { entryFileNames: `${script}.js`, assetFileNames: `${script}[extname]`, inlineDynamicImports: true },
    },
  },
});
