// <meja-booking venue="…"></meja-booking> on the site of a restaurant: the widget in a frame as high as its content.
(() => {
  const origin = new URL(document.currentScript.src).origin;
  customElements.define("meja-booking", class extends HTMLElement {
    connectedCallback() {
      if (this.frame) return;
      const frame = document.createElement("iframe");
      const language = this.getAttribute("lang");
      frame.src = origin + "/embed/" + encodeURIComponent(this.getAttribute("venue") ?? "") +
        (language ? "?lang=" + encodeURIComponent(language) : "");
      frame.title = this.getAttribute("title") ?? "Meja";
      frame.loading = "lazy";
      frame.style.cssText = "width:100%;border:0;height:44rem";
      addEventListener("message", (event) => {
        if (event.source === frame.contentWindow && event.origin === origin && event.data?.meja === "height") {
          frame.style.height = Math.min(Math.max(Number(event.data.height) || 0, 200), 4000) + "px";
        }
      });
      this.frame = frame;
      this.append(frame);
    }
  });
})();
