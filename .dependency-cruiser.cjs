// Who may import whom. `only(folder, allowed)` forbids every project folder that is not listed.
const only = (folder, allowed) => ({
  name: `${folder.replace('/', '-')}-imports`,
  severity: 'error',
  from: { path: `^src/${folder}/`, pathNot: '\\.test\\.ts$' },
  to: { path: '^(src|workers)/', pathNot: `^src/(${[folder, ...allowed].join('|')})/` },
});
const BELOW_MODELS = ['engine', 'core', 'lib', 'protocol'];
const DOMAIN = ['training', 'inference', 'models', 'kv', 'data', ...BELOW_MODELS];

module.exports = {
  forbidden: [
    // A component that shows what lies within itself imports itself.
    {
      name: 'no-cycles',
      severity: 'error',
      from: { pathNot: '/SettingField\\.svelte$' },
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, pathNot: ['\\.d\\.ts$', '^src/plugins/', '/testing/'] },
      to: {},
    },
    only('lib', []),
    {
      name: 'protocol-imports',
      severity: 'error',
      from: { path: '^src/protocol/' },
      to: { pathNot: '^src/(protocol|lib)/' },
    },
    only('core', ['lib', 'protocol']),
    only('rpc', ['lib', 'protocol']),
    only('engine', ['lib', 'protocol']),
    only('models', BELOW_MODELS),
    only('kv', BELOW_MODELS),
    only('data', ['core', 'lib', 'protocol']),
    only('training', ['models', 'kv', ...BELOW_MODELS]),
    only('inference', ['models', 'kv', ...BELOW_MODELS]),
    only('services', [...DOMAIN, 'features']),
    only('features', DOMAIN),
    {
      name: 'features-apart',
      severity: 'error',
      from: { path: '^src/features/([^/]+)/' },
      to: { path: '^src/features/', pathNot: '^src/features/$1/' },
    },
    only('orchestrator', ['core', 'rpc', 'protocol', 'lib']),
    only('gateway', ['core', 'rpc', 'protocol', 'lib']),
    only('telemetry', ['core', 'rpc', 'protocol', 'lib']),
    only('app', ['protocol', 'rpc', 'core', 'orchestrator', 'gateway', 'telemetry', 'lib']),
    {
      name: 'workers-imports',
      severity: 'error',
      from: { path: '^workers/' },
      to: { path: '^src/', pathNot: '^src/(services|features|rpc|core|orchestrator|protocol|lib)/' },
    },
    {
      name: 'gpu-runtimes-in-engine-only',
      severity: 'error',
      from: { pathNot: '^src/engine/' },
      to: { path: 'node_modules/(@tensorflow|onnxruntime-web)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    exclude: { path: '\\.test\\.ts$' },
    enhancedResolveOptions: { extensions: ['.ts', '.svelte.ts', '.svelte', '.js'] },
  },
};
