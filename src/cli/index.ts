/** What others may import of the command line: its entry, the world it runs in, and the services it asks for. */
export { cliErrorCodes } from './errors.ts';
export { type ExitCode, exitCodeMeanings, exitCodes } from './exit.ts';
export { type CliIo, systemIo } from './io.ts';
export { type CliHost, runCli } from './main.ts';
export type {
  CliServices,
  DoctorOptions,
  Finding,
  GatewayOptions,
  GatewayReady,
  RunningGateway,
  VerifyOptions,
  VerifyProblem,
  VerifyProgress,
  VerifyReport,
} from './services.ts';
