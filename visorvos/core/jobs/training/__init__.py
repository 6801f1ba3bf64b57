"""What `pretrain` and `finetune` share: the run from a source of clips to weights."""
