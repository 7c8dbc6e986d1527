/**
 * Which of OpenSSH's regression scripts are run, and what is known to be otherwise through the gateway, with the reason.
 * Scripts that have no server in them (ssh-keygen, configuration files, agents alone) or that test sshd's own configuration
 * of logins (principals, several methods in a row, authorized_keys options, chroot, PAM) are about other programs and not here.
 */
export interface Script {
  readonly name: string;
  /** Says that a line of the script that fails through the gateway only is meant to, and why. */
  readonly explained?: readonly { readonly line: RegExp; readonly why: string }[];
}

export const scripts: readonly Script[] = [
  { name: 'connect' },
  {
    name: 'proxy-connect',
    explained: [
      {
        line: /SSH_CONNECTION|^result|proxy connect$/,
        why: 'the target sees the gateway’s connection, which has addresses',
      },
    ],
  },
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
  {
    name: 'multiplex',
    explained: [
      {
        line: /connect to (local|remote) forward(ed)? path failed|^result|connection multiplexing$/,
        why: 'the script looks for the words in which sshd refuses a peer that is no SSH client; the gateway has its own',
      },
    ],
  },
  { name: 'forwarding' },
  { name: 'dynamic-forward' },
  { name: 'scp3' },
  { name: 'scp-uri' },
  { name: 'sftp-uri' },
  { name: 'brokenkeys' },
  { name: 'portnum' },
  { name: 'knownhosts' },
  {
    name: 'agent',
    explained: [
      {
        line: /^ssh connect with failed|^result|simple agent test$/,
        why: 'certificates of an authority in authorized_keys, which the stage does not read: the gateway has its own list',
      },
    ],
  },
  {
    name: 'rekey',
    explained: [
      {
        line: /^no rekeying occurred|^result|rekey$/,
        why: 'RekeyLimit of sshd’s configuration; the gateway’s limits are its own',
      },
    ],
  },
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
