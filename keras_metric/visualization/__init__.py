"""Pictures: matplotlib figures, legible for the colour-blind, and maps for a browser."""

from keras_metric.visualization._confusion_matrix import confusion_matrix as confusion_matrix
from keras_metric.visualization._distance_histogram import distance_histogram as distance_histogram
from keras_metric.visualization._embedding_html import embedding_html as embedding_html
from keras_metric.visualization._embedding_map import embedding_map as embedding_map
from keras_metric.visualization._error_curves import det_plot as det_plot
from keras_metric.visualization._error_curves import roc_plot as roc_plot
from keras_metric.visualization._hardest_mistakes import hardest_mistakes as hardest_mistakes
from keras_metric.visualization._show_neighbors import show_neighbors as show_neighbors
