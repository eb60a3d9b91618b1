// An engine without a data worker to encode for: what it is asked is refused.
import type { EncodingApi } from '../../protocol/encoding';

const refused = (): Promise<never> => Promise.reject(new Error('There is nothing to encode here.'));

export const NO_ENCODINGS: EncodingApi = {
  openEncoding: refused,
  nextToEncode: refused,
  keepEncoded: refused,
  closeEncoding: refused,
};
