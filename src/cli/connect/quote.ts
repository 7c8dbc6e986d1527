/** Quoting for what people paste: POSIX shells, URIs, libpq strings. */

/** A word for a POSIX shell. Single quotes take everything literally but themselves. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A part of a URI. */
export function uriPart(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** A value in a libpq connection string (`key='value'`). */
export function libpqValue(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

/** A host as it stands in a URI: IPv6 addresses in brackets. */
export function uriHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
