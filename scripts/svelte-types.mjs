// Imported first by the linter's configuration: its Svelte parser then shows TypeScript every component as it will lint it, so
// one program serves all components instead of being made again for each. Components' props get their types as well.
process.env['SVELTE_ESLINT_PARSER_EXPERIMENTAL_TS_SYS_HOOK'] = '1';
