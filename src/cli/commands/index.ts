/** The tree of commands: a literal list, in the order in which the help shows it. */
import type { CommandSpec } from '../command.ts';
import { accessExportCommand, accessWhatCommand, accessWhoCommand } from './access.ts';
import { alertCommands } from './alerts.ts';
import { applyCommand } from './apply.ts';
import { approveCommand } from './approve.ts';
import { checkpointCommand } from './checkpoint.ts';
import { completeCommand } from './complete.ts';
import { completionCommand } from './completion.ts';
import { connectCommand } from './connect.ts';
import { deleteCommand } from './delete.ts';
import { detectionFieldsCommand, detectionLsCommand, detectionShowCommand, detectionTestCommand } from './detection.ts';
import { detectionReplayCommand } from './detection-replay.ts';
import { doctorCommand } from './doctor.ts';
import { explainCommand } from './explain.ts';
import {
  factorsAddCommand,
  factorsCodesCommand,
  factorsLsCommand,
  factorsResetCommand,
  factorsRmCommand,
} from './factors.ts';
import { gatewayCommand } from './gateway.ts';
import { getCommand } from './get.ts';
import { grantsLsCommand, grantsRevokeCommand } from './grants.ts';
import { helpCommand } from './help.ts';
import { indexRebuildCommand, indexStatusCommand } from './index-status.ts';
import { kubernetesCredentialCommand } from './kubernetes-credential.ts';
import { lockCommands, lockLsCommand, unlockCommand } from './lock.ts';
import { loginCommand } from './login.ts';
import { logoutCommand } from './logout.ts';
import { policyReplayCommand, policyTestCommand } from './policy.ts';
import { reportCommands } from './report.ts';
import { requestCommand } from './request.ts';
import { responsesEndCommand, responsesLsCommand } from './responses.ts';
import {
  retentionRunCommand,
  retentionShowCommand,
  sessionsForgetCommand,
  witnessGetCommand,
  witnessLsCommand,
} from './retention.ts';
import {
  reviewsApproveCommand,
  reviewsBreakGlassCommand,
  reviewsDenyCommand,
  reviewsWithdrawCommand,
} from './reviews-decide.ts';
import { reviewsLsCommand, reviewsShowCommand, reviewsWatchCommand } from './reviews-list.ts';
import { searchCommand, searchExportCommand } from './search.ts';
import { searchesLsCommand, searchesRunCommand } from './searches.ts';
import { secretLsCommand, secretRmCommand, secretRotateCommand, secretSetCommand } from './secret.ts';
import { sessionsExportCommand } from './sessions-export.ts';
import { sessionsKillCommand, sessionsLsCommand, sessionsShowCommand } from './sessions-list.ts';
import {
  sessionsMessageCommand,
  sessionsPauseCommand,
  sessionsResumeCommand,
  sessionsWatchCommand,
} from './sessions-live.ts';
import { sessionsReplayCommand, sessionsTailCommand } from './sessions-replay.ts';
import {
  sinksDeadLettersCommand,
  sinksDiscardCommand,
  sinksLsCommand,
  sinksResendCommand,
  sinksShowCommand,
  sinksTestCommand,
} from './sinks.ts';
import { sshAuthorityCommand } from './ssh-authority.ts';
import { sshCertificateCommand } from './ssh-certificate.ts';
import { statusCommand } from './status.ts';
import { tokenCreateCommand, tokenLsCommand, tokenRevokeCommand } from './token.ts';
import { tokenExchangeCommand, tokenRotateCommand } from './token-exchange.ts';
import { trustCommand } from './trust.ts';
import { verifyCommand } from './verify.ts';
import { whoamiCommand } from './whoami.ts';

export const commands: readonly CommandSpec[] = [
  loginCommand,
  logoutCommand,
  whoamiCommand,
  connectCommand,
  approveCommand,
  sshCertificateCommand,
  kubernetesCredentialCommand,
  tokenLsCommand,
  tokenCreateCommand,
  tokenRotateCommand,
  tokenExchangeCommand,
  tokenRevokeCommand,
  factorsLsCommand,
  factorsAddCommand,
  factorsRmCommand,
  factorsCodesCommand,
  factorsResetCommand,

  sessionsLsCommand,
  sessionsShowCommand,
  sessionsReplayCommand,
  sessionsTailCommand,
  sessionsWatchCommand,
  sessionsMessageCommand,
  sessionsPauseCommand,
  sessionsResumeCommand,
  sessionsKillCommand,
  sessionsExportCommand,
  sessionsForgetCommand,
  searchCommand,
  searchExportCommand,
  searchesLsCommand,
  searchesRunCommand,
  indexStatusCommand,
  indexRebuildCommand,
  explainCommand,
  accessWhoCommand,
  accessWhatCommand,
  accessExportCommand,
  statusCommand,
  ...alertCommands,
  responsesLsCommand,
  responsesEndCommand,
  retentionShowCommand,
  witnessLsCommand,
  witnessGetCommand,

  reviewsLsCommand,
  reviewsShowCommand,
  reviewsWatchCommand,
  reviewsApproveCommand,
  reviewsDenyCommand,
  reviewsWithdrawCommand,
  reviewsBreakGlassCommand,
  requestCommand,
  grantsLsCommand,
  grantsRevokeCommand,

  applyCommand,
  getCommand,
  deleteCommand,
  ...lockCommands,
  lockLsCommand,
  unlockCommand,
  trustCommand,
  sshAuthorityCommand,
  retentionRunCommand,
  policyTestCommand,
  policyReplayCommand,
  detectionLsCommand,
  detectionShowCommand,
  detectionFieldsCommand,
  detectionTestCommand,
  detectionReplayCommand,
  sinksLsCommand,
  sinksShowCommand,
  sinksTestCommand,
  sinksDeadLettersCommand,
  sinksResendCommand,
  sinksDiscardCommand,
  secretLsCommand,
  secretSetCommand,
  secretRmCommand,
  secretRotateCommand,

  ...reportCommands,
  verifyCommand,
  checkpointCommand,

  gatewayCommand,
  doctorCommand,

  completionCommand,
  helpCommand,
  completeCommand,
];
