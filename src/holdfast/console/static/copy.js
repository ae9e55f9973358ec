// Buttons that copy text to the clipboard: <button data-copy="text">.

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.getAttribute("aria-label");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      // Without a secure context there is no clipboard. Select the text, so that the user can copy it.
      getSelection()?.selectAllChildren(button.querySelector("[data-copy-text]") ?? button);
      return;
    }
    button.dataset.copied = "";
    button.setAttribute("aria-label", "Copied");
    setTimeout(() => {
      delete button.dataset.copied;
      button.setAttribute("aria-label", label ?? "Copy");
    }, 1500);
  });
}
