/** SSH: what others may import. */
import type { Protocol } from '../../core/protocol.ts';
import { meaningOf, verbs } from './command.ts';
import { probe } from './probe.ts';
import { SshServer } from './server.ts';
import { settingDefinitions, settingsOf } from './settings.ts';
import { fileQuestion } from './sftp/index.ts';
import { SshWorkbench } from './workbench.ts';

/** Makes the protocol. */
export function createSsh(): Protocol {
  return {
    name: 'ssh',
    title: 'SSH',
    defaultPort: 22,
    settings: settingDefinitions,
    housekeeping: ['eof', 'window-change', 'signal', 'break', 'eow@openssh.com', fileQuestion],
    multiplexed: true,
    hops: (resource) => settingsOf(resource).jumpHosts,
    capabilities: {
      assurance: 'gated',
      languages: ['shell', 'file', 'connection'],
      verbs,
      rowEstimates: false,
      holds: true,
      masks: true,
      limits: true,
    },
    assuranceOf: (resource, language) =>
      language === 'shell' && settingsOf(resource).shell === 'observed' ? 'observed' : 'gated',
    analyse: (text, resource, verb) => meaningOf(text, resource, verb),
    probe,
    workbench: { takes: 'keys', open: (opening) => new SshWorkbench(opening) },
    createServer: () => new SshServer(),
    renderCell: (cell) => cell.toString('utf8'),
  };
}
