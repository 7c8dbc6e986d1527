/** The composition root: what tests, the demonstration and the command line may use of it. */
export { type Authority, openAuthority } from './authority.ts';
export { type Gateway, type GatewayParts, startGateway } from './compose.ts';
export { type GatewayConfig, readConfig } from './config.ts';
export { gatewayErrors } from './errors.ts';
export { cliServices } from './services.ts';
export { version } from './version.ts';
