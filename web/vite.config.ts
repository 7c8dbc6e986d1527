/** How the console is built: split by page, no inline script or style, nothing from elsewhere. */
import tailwind from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react(), tailwind()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2024',
    // The policy allows no data: addresses, and the polyfill is an inline script's work.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // The first load is measured by a test, compressed; this warning knows nothing of that.
    chunkSizeWarningLimit: 1_000,
  },
});
