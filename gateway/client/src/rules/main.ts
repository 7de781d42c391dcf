import { createApp } from "vue";
import RulesApp from "./components/RulesApp.vue";
import "./rules.css";

createApp(RulesApp).mount("#stand");
