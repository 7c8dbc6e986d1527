/**
 * Which of OpenSSH's regression scripts are run, and what is known to be otherwise through the gateway, with the reason.
 * Scripts that have no server in them (ssh-keygen, configuration files, agents alone) or that test sshd's own configuration
 * of logins (principals, authorized_keys options, chroot, PAM) are about other programs and not here.
 */
export interface Script {
  readonly name: string;
  /** Says that a line of the script that fails through the gateway only is meant to, and why. */
  readonly explained?: readonly { readonly line: RegExp; readonly why: string }[];
}

export const scripts: readonly Script[] = [
  { name: 'connect' },
  { name: 'proxy-connect' },
  { name: 'connect-uri' },
  { name: 'exit-status' },
  { name: 'exit-status-signal' },
  { name: 'envpass' },
  { name: 'transfer' },
  { name: 'stderr-data' },
  { name: 'stderr-after-eof' },
  { name: 'broken-pipe' },
  { name: 'yes-head' },
  { name: 'localcommand' },
  { name: 'multiplex' },
  { name: 'forwarding' },
  { name: 'dynamic-forward' },
  { name: 'scp3' },
  { name: 'scp-uri' },
  { name: 'sftp-uri' },
  { name: 'brokenkeys' },
  { name: 'portnum' },
  { name: 'knownhosts' },
  { name: 'multipubkey' },
  { name: 'agent' },
  { name: 'rekey' },
  { name: 'try-ciphers' },
  { name: 'kextype' },
  { name: 'keytype' },
  { name: 'integrity' },
  { name: 'putty-transfer' },
  { name: 'putty-ciphers' },
  { name: 'putty-kex' },
  { name: 'hostkey-rotate' },
  { name: 'keyscan' },
  { name: 'percent' },
  { name: 'proto-version' },
  { name: 'banner' },
];
