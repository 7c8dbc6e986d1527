/** Quoting for what people paste: POSIX shells, URIs, libpq strings, literals of Python and JavaScript. As `sallyport connect` does. */

export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

export function uriPart(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

export function libpqValue(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}

export function uriHost(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}

/** A string literal that Python and JavaScript read alike. */
export function literal(text: string): string {
  return JSON.stringify(text);
}
