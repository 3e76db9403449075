// Hands over a picture that is pasted anywhere on the page, or dropped on it.
const MOST = 8 * 1024 * 1024;

export default function (component) {
  const { setTriggerValue } = component;
  const send = (file) => {
    if (!file || !file.type.startsWith("image/")) return false;
    if (file.size > MOST) {
      setTriggerValue("pasted", { problem: "too large to paste: save it and upload the file" });
      return true;
    }
    const reader = new FileReader();
    reader.onload = () => setTriggerValue("pasted", { name: file.name || "pasted picture", data: String(reader.result).split(",")[1] || "" });
    reader.readAsDataURL(file);
    return true;
  };
  const paste = (event) => {
    const file = [...(event.clipboardData?.files || [])].find((f) => f.type.startsWith("image/"));
    if (file && send(file)) event.preventDefault();
  };
  document.addEventListener("paste", paste);
  return () => document.removeEventListener("paste", paste);
}
