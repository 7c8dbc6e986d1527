/** The built-in detectors, in the order in which the reference shows them. */
import type { DetectorDefinition } from '../detector.ts';
import { agentOutOfCharacter } from './agent-out-of-character.ts';
import { breakGlassWithoutFollowUp } from './break-glass.ts';
import { denialBurst } from './denial-burst.ts';
import { dormantAccount } from './dormant-account.ts';
import { failedLogins } from './failed-logins.ts';
import { hourDetectors } from './hours.ts';
import { reconThenExport } from './recon-then-export.ts';
import { resourceHopping } from './resource-hopping.ts';
import { rubberStamp } from './rubber-stamp.ts';
import { secretsInOutput } from './secrets-in-output.ts';
import { slowExfiltration } from './slow-exfiltration.ts';
import { unusualSequence } from './unusual-sequence.ts';
import { unusualThings } from './unusual-things.ts';
import { unusualVolume } from './unusual-volume.ts';
import { weakening } from './weakening.ts';

export const builtInDetectors: readonly DetectorDefinition[] = [
  denialBurst,
  failedLogins,
  ...unusualThings,
  ...hourDetectors,
  unusualVolume,
  slowExfiltration,
  resourceHopping,
  unusualSequence,
  reconThenExport,
  rubberStamp,
  breakGlassWithoutFollowUp,
  agentOutOfCharacter,
  dormantAccount,
  secretsInOutput,
  weakening,
];
