/** The version of this program, from its package. */
import { readFileSync } from 'node:fs';

const path = new URL(import.meta.url.endsWith('.ts') ? '../../package.json' : '../../../package.json', import.meta.url);

export const version: string = (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
