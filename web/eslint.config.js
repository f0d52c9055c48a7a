import boundaries from 'eslint-plugin-boundaries'
import reactHooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

/** The layers: app → features → shared; a feature imports no other feature. */
const layers = {
  plugins: { boundaries },
  settings: {
    'import/resolver': { typescript: { project: './tsconfig.json' } },
    'boundaries/elements': [
      { type: 'app', pattern: 'src/app' },
      { type: 'feature', pattern: 'src/features/*', capture: ['name'] },
      { type: 'shared', pattern: 'src/shared' },
    ],
    'boundaries/include': ['src/**/*'],
  },
  rules: {
    'boundaries/no-unknown-dependencies': 'error',
    'boundaries/dependencies': [
      'error',
      {
        default: 'disallow',
        message: 'The layers are app → features → shared; what two features need goes to src/shared.',
        policies: [
          { from: { element: { type: 'app' } }, allow: { to: [{ element: { type: 'app' } }, { element: { type: 'feature' } }, { element: { type: 'shared' } }] } },
          { from: { element: { type: 'feature' } }, allow: { to: [{ element: { type: 'feature', captured: { name: '{{from.element.captured.name}}' } } }, { element: { type: 'shared' } }] } },
          { from: { element: { type: 'shared' } }, allow: { to: { element: { type: 'shared' } } } },
        ],
      },
    ],
  },
}

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'src/shared/api/schema.d.ts', 'public', 'test-results', 'playwright-report'] },
  ...tseslint.configs.strictTypeChecked,
  {
    languageOptions: { parserOptions: { project: ['./tsconfig.json', './tsconfig.node.json'], tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-confusing-void-expression': 'off',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/only-throw-error': 'off', // React Router throws responses
      'no-console': 'error',
      'max-lines': ['error', { max: 800, skipBlankLines: true }],
    },
  },
  { files: ['src/**/*.{ts,tsx}'], ...layers },
  { files: ['src/**/*.{ts,tsx}'], plugins: { 'react-hooks': reactHooks }, rules: reactHooks.configs.recommended.rules },
  { files: ['**/*.js'], ...tseslint.configs.disableTypeChecked },
  {
    files: ['scripts/**/*.ts', 'e2e/**/*.ts'],
    rules: { 'no-console': 'off', 'no-empty-pattern': 'off' },
  },
)
