import { render } from 'preact';
import { App } from './app.tsx';

const place = document.getElementById('studio');
if (place) render(<App />, place);
