// A tokenizer for tests.

/** One token for each character, its code; 0 ends a text. */
export const CHARACTERS = {
  eosTokenId: 0,
  textPrefixIds: [],
  encode: (text: string) => [...text].map((character) => character.charCodeAt(0)),
  decode: (ids: readonly number[]) => String.fromCharCode(...ids),
  pieces: (ids: readonly number[]) => ids.map((id) => String.fromCharCode(id)),
};
