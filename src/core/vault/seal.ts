// One secret under AES-GCM, bound to its name. The key is the caller's.
import type { VaultRecord } from '../database';

/** The name is authenticated too: records cannot be exchanged for each other. */
export async function encrypt(key: CryptoKey, name: string, secret: string): Promise<VaultRecord> {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const additionalData = new TextEncoder().encode(name);
  const plain = new TextEncoder().encode(secret);
  return { iv, ciphertext: await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, plain) };
}

export async function decrypt(
  key: CryptoKey,
  name: string,
  { iv, ciphertext }: VaultRecord,
): Promise<string> {
  const additionalData = new TextEncoder().encode(name);
  const plain = await crypto.subtle.decrypt({ name: 'AES-GCM', iv, additionalData }, key, ciphertext);
  return new TextDecoder().decode(plain);
}
