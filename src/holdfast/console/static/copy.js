// Buttons that copy a text: <button data-copy="text">.

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.getAttribute("aria-label");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
    } catch {
      // No clipboard without a secure context: select the text instead, for the person to copy.
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
