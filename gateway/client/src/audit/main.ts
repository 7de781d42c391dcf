import { createApp } from "vue";
import AuditApp from "./components/AuditApp.vue";
import "./audit.css";

createApp(AuditApp).mount("#stand");
