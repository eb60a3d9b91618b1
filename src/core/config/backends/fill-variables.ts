// Puts values for the variables in a configuration: `{model_family}`, `{output_dir}`, `{id}`, `{env:NAME}`. Values only,
// never names of settings. What it does not know stays as it is written.

export interface ConfigVariables {
  model_family: string;
  output_dir: string;
}

/** @param env a named value of the settings; one that is missing is empty. */
export function fillVariables(
  value: unknown,
  variables: ConfigVariables & { id: string },
  env: (name: string) => string | undefined,
): unknown {
  if (typeof value === 'string') return filled(value, variables, env);
  if (Array.isArray(value)) return value.map((item: unknown) => fillVariables(item, variables, env));
  if (typeof value !== 'object' || value === null) return value;
  // fromEntries defines properties: a key named __proto__ stays an ordinary, later refused, key.
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, fillVariables(item, variables, env)]),
  );
}

function filled(
  text: string,
  variables: ConfigVariables & { id: string },
  env: (name: string) => string | undefined,
): string {
  return text.replaceAll(
    /\{(?:env:([^{}]+)|(model_family|output_dir|id))\}/g,
    (_, name?: string, key?: string) => {
      if (name !== undefined) return env(name) ?? '';
      return variables[key as keyof typeof variables];
    },
  );
}
