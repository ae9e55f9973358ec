// The encodings of Chinese, Japanese and Korean for TextDecoder. Their tables are large: linked only when a program names one of them.
import '@toolchain/@exodus/bytes/encoding.js';
import './text.ts';
