// The `Link` header of a listing that comes in pages.

/**
 * A listing that goes on at another host would take the token with it: it ends there instead.
 * @returns the address of the next page; null where there is none.
 */
export function nextPage(link: string | null, endpoint: string): string | null {
  const next = /<([^>]+)>;\s*rel="next"/.exec(link ?? '')?.[1];
  if (next === undefined || !URL.canParse(next, endpoint)) return null;
  const url = new URL(next, endpoint);
  return url.origin === new URL(endpoint).origin ? url.href : null;
}
