export default {
  name: 'notebook-backend',
  version: '1.0.0',
  description: 'Pages of a notebook, listed by its index.',
  activate(registrar) {
    registrar.extend(registrar.factories.dataBackend, 'notebook', () => ({
      settings: { notebook_url: 'Address of the notebook, without a slash at its end.' },
      open: ({ config, fetch }) => notebook(config.notebook_url, fetch),
    }));
  },
};

function notebook(url, fetch) {
  const get = async (path, signal) => {
    const response = await fetch(`${url}/${encodeURI(path)}`, { signal });
    if (response.ok) return response;
    if (response.status === 404) return null;
    throw failure(response.status === 403 ? 'backend.denied' : 'backend.unreachable', response.status);
  };
  const index = async (signal) => {
    const response = await get('index.json', signal);
    if (response === null) throw failure('backend.missing', 'there is no index.json');
    return response.json();
  };
  return {
    describe: () => ({ location: url }),
    check: async (signal) => void (await index(signal)),
    async *list({ signal }) {
      for (const path of await index(signal)) yield { path, size: null, lastModified: null };
    },
    open: async (path) => (await get(path))?.blob() ?? null,
    close: () => Promise.resolve(),
  };
}

function failure(code, reason) {
  return Object.assign(new Error(`the notebook did not answer: ${reason}`), { code });
}
