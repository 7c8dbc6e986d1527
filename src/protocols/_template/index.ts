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
    // What rules can rely on here; one that needs more is refused when it is saved.
    capabilities: {
      assurance: 'exact',
      languages: [],
      verbs: ['read', 'repeat', 'write', 'put'],
      rowEstimates: false,
      holds: false,
      masks: false,
      limits: false,
    },
    createServer: () => ({ accept: acceptClient }),
    renderCell: (cell) => cell.toString('utf8'),
  };
}
