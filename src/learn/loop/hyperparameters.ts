/** How a run goes: named as in task.json. */
export interface Hyperparameters {
  readonly learning_rate: number;
  readonly epochs: number;
  readonly batch_size: number;
  readonly weight_decay: number;
  /** Share of all steps over which the learning rate rises. */
  readonly warmup_ratio: number;
  /** Share of prefix elements set to 0 in each step. */
  readonly prefix_dropout: number;
  readonly max_grad_norm: number;
  /** Epochs without a better score after which training stops; 0 never stops early. */
  readonly patience: number;
}
