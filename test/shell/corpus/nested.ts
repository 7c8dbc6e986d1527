/** Something else than the gated shell starts `danger`. */
import { all, posix, readline, type Scenario } from './scenario.ts';

const nested = (id: string, title: string, shells: Scenario['shells'], steps: Scenario['steps'], rest: Partial<Scenario> = {}): Scenario => ({
  id,
  title,
  group: 'nested',
  shells,
  steps,
  ends: true,
  ...rest,
});

export const nesteds: readonly Scenario[] = [
  nested('n01', 'bash', all, ['bash\r', { pauseMs: 400 }, 'danger 1\r']),
  nested('n02', 'bash --norc', all, ['bash --norc\r', { pauseMs: 400 }, 'danger 2\r']),
  nested('n03', 'exec bash --norc', all, ['exec bash --norc\r', { pauseMs: 400 }, 'danger 3\r']),
  nested('n04', 'sh', all, ['sh\r', { pauseMs: 400 }, 'danger 4\r']),
  nested('n05', 'zsh', all, ['zsh\r', { pauseMs: 500 }, 'danger 5\r']),
  nested('n06', 'python -c', all, ['/usr/bin/python3 -c "import os; os.system(\'danger 6\')"\r']),
  nested('n07', 'python, interactive', all, ['/usr/bin/python3\r', { pauseMs: 600 }, "import os; os.system('danger' + ' 7')\r", { pauseMs: 300 }]),
  nested('n08', 'vim :!', all, ['vim -u NONE f\r', { pauseMs: 700 }, ':!danger 8\r', { pauseMs: 400 }]),
  nested('n09', 'less !', all, ['less f\r', { pauseMs: 400 }, '!danger 9\r', { pauseMs: 400 }], { files: { f: 'text\n' } }),
  nested('n10', 'tmux', readline, ['tmux -L $$ -f /dev/null\r', { pauseMs: 1000 }, 'danger 10\r', { pauseMs: 500 }, 'exit\r']),
  nested('n11', 'script', all, ['script -q /dev/null\r', { pauseMs: 500 }, 'danger 11\r', { pauseMs: 300 }]),
  nested('n12', 'bash -c', all, ["bash -c 'danger 12'\r"]),
  nested('n13', 'bash -c of a variable', posix, ['v="dan" w="ger 13"; bash -c "$v$w"\r']),
  nested('n14', 'awk system()', all, ['awk \'BEGIN{system("danger 14")}\'\r']),
  nested('n15', 'perl -e', all, ["perl -e 'system(\"danger 15\")'\r"]),
  nested('n16', 'a script with its path', all, ['chmod +x f\r', './f\r'], { files: { f: '#!/bin/sh\ndanger 16\n' } }),
  nested('n17', 'fish', readline, ['fish\r', { pauseMs: 700 }, 'danger 17\r', { pauseMs: 300 }]),
  nested('n18', 'env -i bash', all, ['env -i PATH=$PATH bash --norc\r', { pauseMs: 400 }, 'danger 18\r', { pauseMs: 300 }]),
  nested('n19', 'a here-document into bash -s', posix, ['bash -s <<E\r', 'danger 19\r', 'E\r']),
  nested('n20', 'nohup', all, ['nohup danger 20 >/dev/null 2>&1\r']),
  nested('n21', 'make', all, ['make -f f\r'], { files: { f: 'all:\n\tdanger 21\n' } }),
  nested('n22', 'busybox sh', all, ['busybox sh\r', { pauseMs: 400 }, 'danger 22\r', { pauseMs: 300 }]),
  nested('n23', 'a shell in a shell in a shell', readline, ['bash\r', { pauseMs: 400 }, 'bash\r', { pauseMs: 400 }, 'danger 23\r']),
  nested('n24', 'back from the inner shell', readline, ['bash\r', { pauseMs: 400 }, 'exit\r', { pauseMs: 200 }, 'danger 24\r']),
  nested('n25', 'git with an alias that is a shell', all, ["git -c alias.x='!danger 25' x\r"]),
];
