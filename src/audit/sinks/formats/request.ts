/** Method and path of a command of HTTP, as its text begins: `GET /path`. */
export function requestOf(text: string): { readonly method: string | null; readonly path: string | null } {
  const match = /^([A-Z]{3,16}) (\S{1,4096})/.exec(text);
  if (match === null) return { method: null, path: null };
  const path = match[2]!.replace(/[?#].*$/s, '');
  return { method: match[1]!, path: path === '' ? null : path };
}
