/** Quoting for what people paste: POSIX shells, URIs, libpq strings, ssh_config. */
import { usage } from '../errors.ts';

/** A word for a POSIX shell. Single quotes take everything literally but themselves. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A word in OpenSSH's configuration, where double quotes keep spaces, and nothing can stand for a double quote in all versions. */
export function configWord(text: string): string {
  if (/["\\\r\n]/.test(text))
    throw usage(`ssh_config cannot name ${text}.`, 'Use a path without quotes and backslashes.');
  return /[\s#]/.test(text) ? `"${text.replaceAll('%', '%%')}"` : text.replaceAll('%', '%%');
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
