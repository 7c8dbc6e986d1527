/** The template protocol: what the registry needs of it. */
import type { Protocol } from '../../core/protocol.ts';
import { acceptClient } from './session.ts';

export function createTemplate(): Protocol {
  return {
    name: 'template',
    title: 'Template',
    defaultPort: 7007,
    settings: {},
    housekeeping: ['PING'],
    createServer: () => ({ accept: acceptClient }),
    renderCell: (cell) => cell.toString('utf8'),
  };
}
