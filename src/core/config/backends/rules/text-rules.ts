// Lengths of texts that leave something over.
import type { ConfigRule } from './findings';

export const textRules: ConfigRule = (config, problem) => {
  const { minimum_token_length: least, maximum_token_length: most } = config;
  if (typeof least === 'number' && typeof most === 'number' && least > most) {
    problem(
      'minimum_token_length',
      `minimum_token_length is above maximum_token_length: ${least} and ${most}.`,
      'Exchange them, or remove one.',
    );
  }
};
