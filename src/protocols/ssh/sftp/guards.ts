/**
 * What the gate itself does not let happen to files whose content is looked into, whatever rules say: otherwise what was
 * found could be taken back out, or put together behind the back of the inspection.
 *
 * - A file in quarantine is looked at and listed, and nothing else.
 * - A file that is being uploaded and inspected keeps its name, its size and its mode until it is closed, and nobody else
 *   on this conversation writes to it.
 */
import type { Handles, OpenFile } from './handles.ts';
import type { Plan } from './plan.ts';

export const quarantinePrefix = '.sallyport-quarantine-';

/** Null, or why the request is refused. */
export function guardedBy({ verb, paths }: Plan, handles: Handles): string | null {
  if (verb === 'list') return null;
  if (paths.some(({ raw }) => raw.split('/').some((name) => name.startsWith(quarantinePrefix)))) {
    return 'The file is in quarantine. Ask the administrator of the gateway.';
  }
  if (verb === 'download' || verb === 'upload' || verb === 'update') return null;
  const isUploading = handles.all.some(
    (open) =>
      open.type === 'file' &&
      open.inspectedUpload !== null &&
      paths.some(({ raw }) => open.path.raw === raw || open.path.raw.startsWith(`${raw}/`)),
  );
  return isUploading ? 'A file there is still being uploaded. Try again when that is done.' : null;
}

/** Whether somebody else on this conversation has the file open for writing. */
export function isWrittenElsewhere(file: OpenFile, handles: Handles): boolean {
  return handles.all.some(
    (open) => open !== file && open.type === 'file' && open.writes && open.path.raw === file.path.raw,
  );
}
