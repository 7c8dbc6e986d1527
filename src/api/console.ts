/**
 * The console: static files, read once at start and served from memory, so that no path of a request ever reaches the
 * file system.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join, relative, sep } from 'node:path';
import { assert } from '../base/assert.ts';
import { consoleBytesMax } from './limits.ts';

export interface ConsoleFile {
  /** As requested: `/`, `/console.css`. */
  readonly path: string;
  readonly mediaType: string;
  readonly etag: string;
  readonly body: Buffer;
  /** Its name says what is in it: it never changes under that name. */
  readonly isHashed: boolean;
}

/** Addresses of the console's pages, as a router takes them: each is the one file that finds out by itself which is meant. */
export const consolePaths = [
  ...['/now', '/sessions', '/reviews', '/requests', '/alerts', '/connect', '/explain', '/reports'],
  ...['/sessions/:id', '/reviews/:id', '/alerts/:id', '/use/:name', '/admin/:part'],
  ...['/objects/:kind', '/objects/:kind/-/new', '/objects/:kind/:name'],
] as const;

/** A year, the most that a cache is asked to keep (RFC 9111). */
export const immutable = 'public, max-age=31536000, immutable';

const mediaTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
};

/** Nothing inline, nothing from elsewhere, no frame around it (A-ID-09). */
export const consolePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/** Reads a directory of static files. Hidden files, links and unknown types are left out. */
export function readConsole(directory: string): ConsoleFile[] {
  let total = 0;
  const files: ConsoleFile[] = [];
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const mediaType = mediaTypes[extname(entry.name)];
    const file = join(entry.parentPath, entry.name);
    const path = relative(directory, file).split(sep);
    if (!entry.isFile() || mediaType === undefined || path.some((part) => part.startsWith('.'))) continue;
    const body = readFileSync(file);
    total += body.length;
    assert(total <= consoleBytesMax, 'the console is larger than it may be');
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
    files.push({
      path: `/${path.join('/').replace(/^index\.html$/, '')}`,
      mediaType,
      etag,
      body,
      isHashed: path[0] === 'assets',
    });
  }
  return files;
}
