/**
 * SFTP version 3, the numbers: draft-ietf-secsh-filexfer-02, sections 3, 5 and 7, and OpenSSH's PROTOCOL, section 4.
 *
 * Invariant: what is not in these tables is refused natively and never forwarded.
 */

export const protocolVersion = 3;

export const packet = {
  SSH_FXP_INIT: 1,
  SSH_FXP_VERSION: 2,
  SSH_FXP_OPEN: 3,
  SSH_FXP_CLOSE: 4,
  SSH_FXP_READ: 5,
  SSH_FXP_WRITE: 6,
  SSH_FXP_LSTAT: 7,
  SSH_FXP_FSTAT: 8,
  SSH_FXP_SETSTAT: 9,
  SSH_FXP_FSETSTAT: 10,
  SSH_FXP_OPENDIR: 11,
  SSH_FXP_READDIR: 12,
  SSH_FXP_REMOVE: 13,
  SSH_FXP_MKDIR: 14,
  SSH_FXP_RMDIR: 15,
  SSH_FXP_REALPATH: 16,
  SSH_FXP_STAT: 17,
  SSH_FXP_RENAME: 18,
  SSH_FXP_READLINK: 19,
  SSH_FXP_SYMLINK: 20,
  SSH_FXP_STATUS: 101,
  SSH_FXP_HANDLE: 102,
  SSH_FXP_DATA: 103,
  SSH_FXP_NAME: 104,
  SSH_FXP_ATTRS: 105,
  SSH_FXP_EXTENDED: 200,
  SSH_FXP_EXTENDED_REPLY: 201,
} as const;

export const status = {
  SSH_FX_OK: 0,
  SSH_FX_EOF: 1,
  SSH_FX_NO_SUCH_FILE: 2,
  SSH_FX_PERMISSION_DENIED: 3,
  SSH_FX_FAILURE: 4,
  SSH_FX_BAD_MESSAGE: 5,
  SSH_FX_NO_CONNECTION: 6,
  SSH_FX_CONNECTION_LOST: 7,
  SSH_FX_OP_UNSUPPORTED: 8,
} as const;

export const openFlag = {
  SSH_FXF_READ: 0x01,
  SSH_FXF_WRITE: 0x02,
  SSH_FXF_APPEND: 0x04,
  SSH_FXF_CREAT: 0x08,
  SSH_FXF_TRUNC: 0x10,
  SSH_FXF_EXCL: 0x20,
} as const;

/** All flags of OPEN that version 3 knows. */
export const openFlagsKnown = 0x3f;

export const attributeFlag = {
  SSH_FILEXFER_ATTR_SIZE: 0x01,
  SSH_FILEXFER_ATTR_UIDGID: 0x02,
  SSH_FILEXFER_ATTR_PERMISSIONS: 0x04,
  SSH_FILEXFER_ATTR_ACMODTIME: 0x08,
  SSH_FILEXFER_ATTR_EXTENDED: 0x8000_0000,
} as const;

/** The bits of a mode that say what a file is (POSIX `S_IFMT`), and three of its values. */
export const fileType = { mask: 0o170000, regular: 0o100000, directory: 0o040000, link: 0o120000 } as const;

/**
 * The extensions that are let through, with the versions that OpenSSH gives them. A closed list: what a server offers
 * beyond it is not shown to the client, and not forwarded if a client asks for it all the same.
 */
export const extensions = {
  'posix-rename@openssh.com': '1',
  'statvfs@openssh.com': '2',
  'fstatvfs@openssh.com': '2',
  'hardlink@openssh.com': '1',
  'fsync@openssh.com': '1',
  'lsetstat@openssh.com': '1',
  'limits@openssh.com': '1',
  'expand-path@openssh.com': '1',
  'copy-data': '1',
  'home-directory': '1',
  'users-groups-by-id@openssh.com': '1',
} as const satisfies Readonly<Record<string, string>>;

export type ExtensionName = keyof typeof extensions;

export function isKnownExtension(name: string): name is ExtensionName {
  return Object.hasOwn(extensions, name);
}
