import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'ui',
  // Relative: the address of the page differs for each version of the extension.
  base: './',
  plugins: [react()],
  build: { outDir: '../dist/ui', emptyOutDir: true },
  server: { port: 5173, strictPort: true },
});
