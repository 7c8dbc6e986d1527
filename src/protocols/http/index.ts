/** HTTP: what others may import; the second half is for protocols that are spoken over it (dialect.ts). */
import type { Protocol, ProtocolServer } from '../../core/protocol.ts';
import { analyseRequest } from '../../language/index.ts';
import { type Dialect, httpDialect } from './dialect.ts';
import { HttpServer } from './server.ts';
import { settingDefinitions, settingsOf } from './settings.ts';

/** Makes the protocol. */
export function createHttp(): Protocol {
  return {
    name: 'http',
    title: 'HTTP',
    defaultPort: 443,
    settings: settingDefinitions,
    housekeeping: [],
    multiplexed: true,
    spansConnections: true,
    capabilities: {
      assurance: 'exact',
      languages: ['http'],
      // Methods are an open set (RFC 9110, section 16.1.1); these are the registered ones that services know.
      verbs: [
        'get',
        'head',
        'post',
        'put',
        'patch',
        'delete',
        'options',
        'propfind',
        'proppatch',
        'mkcol',
        'copy',
        'move',
        'lock',
        'unlock',
        'report',
        'search',
      ],
      rowEstimates: false,
      holds: true,
      masks: true,
      limits: true,
    },
    analyse: (text, resource) => {
      const { routes, targetOptions, grpc: rpc } = settingsOf(resource);
      const http = analyseRequest(text, { routes, targetOptions, rpc });
      return http === null ? null : { language: 'http', http };
    },
    createServer: () => new HttpServer(httpDialect),
    renderCell: (cell) => cell.toString('utf8'),
  };
}

/** A server of HTTP in a dialect. */
export function createHttpServer(dialect: Dialect): ProtocolServer {
  return new HttpServer(dialect);
}

export { type Answer, ownAnswerFields, type Refusal, refusalOf } from './answers.ts';
export type { Connection } from './connection.ts';
export { type Admitted, assertFraming } from './connection.ts';
export { credentialFields } from './credentials.ts';
export type { AskedRequest, Dialect } from './dialect.ts';
export { httpErrors } from './errors.ts';
export {
  checkFields,
  type Field,
  type FieldContext,
  firstOf,
  knownCodings,
  ownFields,
  shownFields,
  valuesOf,
} from './fields.ts';
export { closePayload, encodeFrame, type Frame, FrameReader, isControl, type Opcode, opcodes } from './frames.ts';
export { acceptOf, agreementProblem, askToSwitch, Handshake, keyProblem, type SwitchAnswer } from './handshake.ts';
export type { ScannedRequest } from './head.ts';
export { bodyOf, faultOf, parametersOf, type ReadBody, type Understood } from './request.ts';
export type { Secrets } from './secrets.ts';
export { type HttpSettings, settingDefinitions as httpSettings, settingsOf as httpSettingsOf } from './settings.ts';
