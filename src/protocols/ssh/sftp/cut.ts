/** How a transfer is cut: by a limit, a detector, or because it cannot be inspected. */
import { status } from './constants.ts';
import type { OpenFile } from './handles.ts';
import type { GateParts } from './parts.ts';

/** Nothing more passes on this handle; the person hears why. */
export function cutFile(parts: GateParts, file: OpenFile, why: string): void {
  if (file.cut !== null) return;
  file.cut = why;
  file.inspectedDownload?.fail(status.SSH_FX_FAILURE, why);
  file.inspectedUpload?.stop();
  parts.host.say(`sallyport: ${file.path.shown}: ${why}`);
}
