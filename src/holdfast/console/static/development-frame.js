// Inside the frame of an extension that `holdfast dev` builds: replaces style sheets without loading the page again.
// A classic script in a scope of its own: the gateway adds it to the document, whatever that contains.
(() => {
  const loaded = (link) =>
    new Promise((resolve) => {
      link.addEventListener("load", resolve, { once: true });
      link.addEventListener("error", resolve, { once: true });
    });

  addEventListener("message", async (event) => {
    if (event.source !== parent || event.data?.type !== "holdfast:replace-styles") return;
    const { folder, names } = event.data;
    if (typeof folder !== "string" || !Array.isArray(names)) return;
    const root = new URL(".", location.href).pathname.replace(/\/ext-ui\/([^/]+)\/[^/]+\/.*$/, "/ext-ui/$1/");
    const replaced = [];
    for (const old of document.querySelectorAll("link[rel~=stylesheet][href]")) {
      const path = new URL(old.href).pathname;
      if (!path.startsWith(root)) continue;
      const name = decodeURIComponent(path.slice(root.length).replace(/^[^/]+\//, ""));
      if (!names.includes(name)) continue;
      const link = old.cloneNode();
      link.href = new URL(encodeURI(name), folder).href;
      const ready = loaded(link);
      // Next to the old one until it has loaded: the page never shows without style.
      old.after(link);
      replaced.push(ready.then(() => old.remove()));
    }
    if (replaced.length === 0) return; // not linked here: the console loads the frame again
    await Promise.all(replaced);
    parent.postMessage({ type: "holdfast:styles-replaced" }, "*");
  });
})();
