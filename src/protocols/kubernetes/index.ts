/** Kubernetes: what others may import. */
import { kubernetesVerbs } from '../../core/kubernetes.ts';
import type { Protocol } from '../../core/protocol.ts';
import { analyseKubernetesText, analyseShell } from '../../language/index.ts';
import { createHttpServer } from '../http/index.ts';
import { kubernetesDialect } from './dialect.ts';
import { settingDefinitions } from './settings.ts';

/** Makes the protocol. */
export function createKubernetes(): Protocol {
  return {
    name: 'kubernetes',
    title: 'Kubernetes',
    defaultPort: 6443,
    settings: settingDefinitions,
    // Of the streams behind an upgrade: a window's size, the end of an input.
    housekeeping: ['eof', 'resize'],
    multiplexed: true,
    spansConnections: true,
    capabilities: {
      assurance: 'exact',
      languages: ['kubernetes', 'shell', 'file', 'connection'],
      // Of what is no resource, the method; lines of shells, files and connections within exec and port-forward.
      verbs: [
        ...kubernetesVerbs,
        'head',
        'post',
        'put',
        'options',
        'exec',
        'line',
        'run',
        'upload',
        'download',
        'forward',
      ],
      rowEstimates: false,
      holds: true,
      masks: true,
      limits: true,
    },
    // Lines and scripts are shell texts, whatever words they begin with.
    analyse: (text, _resource, verb) =>
      verb === 'line' || verb === 'run' || verb === 'exec'
        ? { language: 'shell', shell: analyseShell(text, { dialect: 'unknown' }) }
        : analyseKubernetesText(text),
    createServer: () => createHttpServer(kubernetesDialect),
    renderCell: (cell) => cell.toString('utf8'),
  };
}
