// Opened from the disk, a page may start no worker; a hidden frame then does the worker's work.
if (location.protocol === "file:") {
  window.Worker = function (address) {
    const frame = document.createElement("iframe");
    const waiting = [];
    let hand = (data) => waiting.push(data);
    frame.hidden = true;
    frame.answer = (data) => this.onmessage && this.onmessage({ data });
    frame.srcdoc =
      "<script>self.postMessage = (data) => frameElement.answer(data)</" + "script>" +
      `<script src="${new URL(address, location.href)}"></` + "script>";
    frame.onload = () => {
      hand = (data) => setTimeout(() => frame.contentWindow.onmessage({ data }));
      waiting.forEach(hand);
    };
    // Appended twice, a frame would load twice and forget what the first was told.
    if (document.body) document.body.append(frame);
    else document.addEventListener("DOMContentLoaded", () => document.body.append(frame));
    this.postMessage = (data) => hand(data);
    this.terminate = () => frame.remove();
  };
}
