/** `copy-data`: the target copies content between two open files, past the gateway (draft-ietf-secsh-filexfer-extensions-00, 7). */
import { fileOperation } from '../../../core/files.ts';
import type { FileIntent } from './draft.ts';
import type { OpenFile } from './handles.ts';

export function copyIntent(from: OpenFile, to: OpenFile): FileIntent {
  const canonical = from.canonical && to.canonical;
  const operations = [
    fileOperation('copy', from.path, { target: to.path, canonical, sizeBytes: from.sizeBytes }),
    fileOperation('read', from.path, { canonical: from.canonical, sizeBytes: from.sizeBytes }),
    fileOperation('write', to.path, { canonical: to.canonical, sizeBytes: from.sizeBytes }),
  ];
  return { verb: 'copy', meaning: { operations, complete: true }, paths: [from.path, to.path], details: [] };
}
