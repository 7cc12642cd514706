"""Callbacks: what the embedding is worth, measured while it is trained."""

from keras_metric.callbacks._embedding_projector import EmbeddingProjector as EmbeddingProjector
from keras_metric.callbacks._retrieval_evaluation import RetrievalEvaluation as RetrievalEvaluation
