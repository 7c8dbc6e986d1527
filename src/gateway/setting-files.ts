/**
 * Settings of resources that name a file on the gateway: what stands in it takes the place of its name.
 *
 * Invariant: a file that cannot be read, or whose content is not what the setting takes, leaves the resource unreachable.
 */
import { readFile, stat } from 'node:fs/promises';
import type { Resource, SettingDefinition, SettingValue } from '../core/resource.ts';
import { gatewayErrors } from './errors.ts';

/** Longest file, in bytes: more than any setting takes. */
const fileBytesMax = 64 * 1024 * 1024;

interface Known {
  readonly mtimeMs: number;
  readonly size: number;
  readonly text: string;
}

/** As they were last, by their paths: a resource is looked up for each connection. */
const known = new Map<string, Known>();

export async function withFiles(
  resource: Resource,
  definitions: Readonly<Record<string, SettingDefinition>>,
): Promise<Resource> {
  const read: Record<string, SettingValue> = {};
  for (const [name, { file, problem }] of Object.entries(definitions)) {
    const value = resource.settings[name];
    if (file !== true || typeof value !== 'string' || !value.startsWith('file:')) continue;
    read[name] = await contentOf(resource.name, value.slice('file:'.length), problem);
  }
  return Object.keys(read).length === 0 ? resource : { ...resource, settings: { ...resource.settings, ...read } };
}

async function contentOf(resource: string, path: string, problem: SettingDefinition['problem']): Promise<string> {
  try {
    const { mtimeMs, size } = await stat(path);
    const last = known.get(path);
    if (last?.mtimeMs === mtimeMs && last.size === size) return last.text;
    if (size > fileBytesMax) throw new Error(`${path} has more than ${fileBytesMax} bytes`);
    const text = (await readFile(path)).toString('base64');
    const found = problem?.(text) ?? null;
    if (found !== null) throw new Error(`${path} ${found}`);
    known.set(path, { mtimeMs, size, text });
    return text;
  } catch (cause) {
    throw gatewayErrors('gateway.resource-file', { cause, values: { resource } });
  }
}
