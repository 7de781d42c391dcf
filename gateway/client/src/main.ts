import { createApp } from "vue";
import App from "./components/App.vue";
import "./style.css";

createApp(App).mount("#stand");

// Without it the stand works, and cannot be loaded again without a connection.
void navigator.serviceWorker?.register("/stand-worker.js", { scope: "/stand" }).catch(() => undefined);
