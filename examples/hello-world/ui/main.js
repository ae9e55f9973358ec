// No SDK and no build step: a page posts the envelope below to its parent window. That is the whole protocol.
const query = new URLSearchParams(location.search);
const parentOrigin = query.get('parentOrigin');

function show(id, text) {
  document.getElementById(id).textContent = text;
}

function post(type, payload) {
  // Without parentOrigin the page is not in a frame of the application, so there is no one to post to.
  if (parentOrigin !== null) window.parent.postMessage({ alga: true, version: '1', type, payload }, parentOrigin);
}

function applyTheme(variables) {
  for (const [name, value] of Object.entries(variables ?? {})) {
    if (name.startsWith('--') && typeof value === 'string') document.documentElement.style.setProperty(name, value);
  }
}

window.addEventListener('message', (event) => {
  if (event.source !== window.parent || event.origin !== parentOrigin) return;
  const message = event.data;
  if (message?.alga !== true || message.version !== '1') return;
  if (message.type === 'bootstrap') applyTheme(message.payload?.theme_tokens);
  if (message.type === 'theme') applyTheme(message.payload);
  if (message.type === 'bootstrap' || message.type === 'theme') show('host-status', 'connected');
});

show('extension-id', query.get('extensionId') ?? 'unknown');
show('tenant-id', query.get('tenant') ?? 'unknown');
post('ready', {});
new ResizeObserver(() => post('resize', { height: Math.ceil(document.body.scrollHeight) })).observe(document.body);
